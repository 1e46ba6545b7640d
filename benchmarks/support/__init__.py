"""Parts of the benchmarks: processes that are measured, and crowds that load them."""
