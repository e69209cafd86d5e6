"""A logo comes from a public address over https, by the look of its address alone."""

import pytest

from kado.shops.theme.logo import fault

PUBLIC = """
https://cdn.example/logo.svg
HTTPS://CDN.Example/Logo.PNG
https://cdn.example:8443/a/b.webp?v=1&x=%20#top
https://cdn.example./logo.svg
https://xn--bcher-kva.example/logo.svg
https://8.8.8.8/logo.svg
https://[2606:4700:4700::1111]/logo.svg
https://10.example/logo.svg
https://a-b.c-d.example/~x/logo.svg
""".split()

PRIVATE = """
https://localhost/logo.svg
https://LOCALHOST./logo.svg
https://shop.localhost/logo.svg
https://printer.local/logo.svg
https://metadata.google.internal/logo.svg
https://nas.lan/logo.svg
https://router/logo.svg
https://127.0.0.1/logo.svg
https://127.0.0.1./logo.svg
https://10.1.2.3/logo.svg
https://172.16.0.1/logo.svg
https://192.168.1.1:8443/logo.svg
https://169.254.169.254/latest/meta-data
https://100.64.0.1/logo.svg
https://0.0.0.0/logo.svg
https://224.0.0.1/logo.svg
https://255.255.255.255/logo.svg
https://192.0.2.1/logo.svg
https://[::1]/logo.svg
https://[::]/logo.svg
https://[fe80::1]/logo.svg
https://[fd00::1]/logo.svg
https://[ff02::1]/logo.svg
https://[::ffff:127.0.0.1]/logo.svg
https://[::ffff:10.0.0.1]/logo.svg
https://[2002:7f00:1::]/logo.svg
https://[64:ff9b::7f00:1]/logo.svg
""".split()

NOT_HTTPS = """
http://cdn.example/logo.svg
ftp://cdn.example/logo.svg
javascript:alert(1)
JavaScript:alert(1)
data:image/svg+xml,<svg/onload=alert(1)>
data:image/png;base64,AAAA
vbscript:x
file:///etc/passwd
blob:https://cdn.example/1
//cdn.example/logo.svg
/logo.svg
logo.svg
?
""".split()

NO_ADDRESS = [
    "",
    " ",
    "https://",
    "https:///logo.svg",
    "https:logo.svg",
    "https://user@cdn.example/logo.svg",
    "https://user:password@cdn.example/logo.svg",
    "https://cdn.example@127.0.0.1/logo.svg",
    "https://cdn.example:/logo.svg",
    "https://cdn.example:x/logo.svg",
    "https://cdn.example:99999/logo.svg",
    "https://cdn.example\\@127.0.0.1/logo.svg",
    "https:\\\\cdn.example/logo.svg",
    " https://cdn.example/logo.svg",
    "https://cdn.example/logo.svg ",
    "https://cdn.example/lo go.svg",
    "https://cdn.example/logo.svg\n",
    "java\nscript:alert(1)",
    "https://cdn.example/\0",
    "https://cdn.example/\u202egvs.ogol",
    "https://bücher.example/logo.svg",
    "https://①②⑦.0.0.1/logo.svg",
    "https://.example/logo.svg",
    "https://cdn..example/logo.svg",
    "https://-cdn.example/logo.svg",
    "https://cdn_1.example/logo.svg",
    "https://%6c%6f.example/logo.svg",
    "https://" + "a" * 64 + ".example/logo.svg",
    "https://2130706433/logo.svg",
    "https://0x7f000001/logo.svg",
    "https://127.1/logo.svg",
    "https://0177.0.0.1/logo.svg",
    "https://0x7f.0x0.0x0.0x1/logo.svg",
    "https://127.0.0.01/logo.svg",
    "https://256.0.0.1/logo.svg",
    "https://1.2.3.4.5/logo.svg",
    "https://[::1/logo.svg",
    "https://[::1]x/logo.svg",
    "https://[v1.x]/logo.svg",
    "https://[127.0.0.1]/logo.svg",
    "https://[fe80::1%25eth0]/logo.svg",
]


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_address_has_no_fault(url: str) -> None:
    assert fault(url) is None


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_network_is_no_place_for_a_logo(url: str) -> None:
    found = fault(url)
    assert found is not None
    assert found[0] == "logo_host_private"


@pytest.mark.parametrize("url", NOT_HTTPS)
def test_a_logo_comes_over_https(url: str) -> None:
    found = fault(url)
    assert found is not None
    assert found[0] == "logo_not_https"


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_browsers_might_read_in_another_way_is_no_address(url: str) -> None:
    found = fault(url)
    assert found is not None
    assert found[0] == "logo_url_invalid"
