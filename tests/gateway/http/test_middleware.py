import pytest

from livecommerce.gateway.http.middleware import proxies, remote_address

TRUSTED = proxies(["10.0.0.0/8", "::1/128"])


@pytest.mark.parametrize(
    ("peer", "header", "expected"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger's header is not believed
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "1.1.1.1, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("::1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "nonsense", "nonsense"),
    ],
)
def test_the_caller_is_the_last_hop_no_proxy_of_ours_wrote(
    peer: str, header: str | None, expected: str
) -> None:
    assert remote_address(peer, header, TRUSTED) == expected
