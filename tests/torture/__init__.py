"""Programs that try to break the promises: nothing oversold, nothing acknowledged lost."""
