"""The one place that states the versions."""

VERSION = "0.1.0"

#: Generated code and ``firmware/slimse.h`` must agree on this number.
ABI = 1
