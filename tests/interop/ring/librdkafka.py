"""What librdkafka's clients want to know of a way to connect, which security.py describes."""

_NAMES = {"protocol": "security.protocol", "ca": "ssl.ca.location", "mechanism": "sasl.mechanism",
          "user": "sasl.username", "password": "sasl.password"}


def settings(security):
    """Its settings, without those of a token, which is given by a function."""
    found = {_NAMES[name]: value for name, value in security.items() if name in _NAMES}
    if certificate := security.get("certificate"):
        found |= {"ssl.certificate.location": certificate, "ssl.key.location": certificate}
    return found
