"""Which addresses are the public internet's, however they are written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.hosts.addresses import BadUrl, PrivateAddress, check_url, is_public, literal

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "2001::1",
    "2001:10::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
]
PUBLIC = [
    "93.184.216.34",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.0",
    "172.32.0.1",
    "2606:4700::1111",
    "2002:101:101::",
    "64:ff9b::101:101",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address):
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_as_itself(address):
    inside = [
        ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed),
        ipaddress.IPv6Address(b"\0\x64\xff\x9b" + b"\0" * 8 + address.packed),
    ]
    assert {is_public(str(outer)) for outer in inside} == {is_public(str(address))}


@given(st.ip_addresses(v=4))
def test_every_way_of_writing_an_address_is_seen(address):
    a, b, c, d = address.packed
    spellings = (
        str(address),
        str(int(address)),
        hex(int(address)),
        f"0x{a:x}.{b}.{c * 256 + d}",
        f"{a:#o}".replace("0o", "0") + f".{b}.{c}.{d}",
        f"{address}.",
    )
    assert {literal(spelling) for spelling in spellings} == {str(address)}


@pytest.mark.parametrize("name", ["example.org", "1.example.org", "0x7f.example", "cafe", "1.2.3.4.5", "999.1.1.1", ""])
def test_names_are_no_addresses(name):
    assert literal(name) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.1/a.jpg",
        "http://2130706433/",
        "http://[::ffff:7f00:1]:8080/",
        "http://user:word@10.0.0.1/",
        "https://localhost/",
        "http://metadata.localhost./",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_literal_private_addresses(url):
    with pytest.raises(PrivateAddress, match="allow_private_addresses: true"):
        check_url(url, allows_private=False)
    check_url(url, allows_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "//example.org/a",
        "http:///a.jpg",
        "http://[::1/a.jpg",
        "http://example.org:port/",
        "gopher://example.org/",
        "s3://bucket/key",
        "a",
    ],
)
def test_what_no_request_is_sent_to(url):
    with pytest.raises(BadUrl):
        check_url(url, allows_private=True)
