"""The test suites that the `eventsourcing` library ships for those who write recorders.

Their module imports a cipher whose own package is not installed here. Nothing that is taken from it enciphers anything,
so a stand-in is in the cipher's place while the module is imported.
"""

import sys
from types import ModuleType

_CIPHER = "eventsourcing.cipher"


class AESCipher:
    """Never used: the stand-in."""


_stand_in = ModuleType(_CIPHER)
_stand_in.AESCipher = AESCipher  # type: ignore[attr-defined] # a module is made of what is put into it
sys.modules[_CIPHER] = _stand_in
try:
    from eventsourcing.tests.persistence import (
        AggregateRecorderTestCase,
        ApplicationRecorderTestCase,
        InfrastructureFactoryTestCase,
        NonInterleavingNotificationIDsBaseCase,
        ProcessRecorderTestCase,
        TrackingRecorderTestCase,
    )
finally:
    del sys.modules[_CIPHER]

__all__ = [
    "AggregateRecorderTestCase",
    "ApplicationRecorderTestCase",
    "InfrastructureFactoryTestCase",
    "NonInterleavingNotificationIDsBaseCase",
    "ProcessRecorderTestCase",
    "TrackingRecorderTestCase",
]
