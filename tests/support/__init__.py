"""What tests, benchmarks and torture programs start and stop: databases, browsers, servers."""
