"""The systems people would pick instead of our hub: installed, served and listened to alike.

    for name, peer in PEERS.items():
        peer.install()                      # raises Absent where that cannot be done here
        with peer.serve(core=0) as served:  # its processes, on that core
            crowd.ask("open", **served.address(), sinks=1_000, witnesses=10)
            served.cpu_s(), served.rss_kib()

`crowd` is `Child("benchmarks.peers.audience")`, the same for all. `OURS` is served and listened to
in the same way.
"""
