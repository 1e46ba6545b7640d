"""The living room that `livecommerce demo` opens: a shop, a host, her script and her video."""
