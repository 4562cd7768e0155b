"""A body's gzip or deflate undone by its reader, so much at a time as the reader has room for.

Not by the server: that would unpack what nobody reads, also of a caller who never came in. Source:
RFC 9110 §8.4.1, RFC 1950-1952; api-faces.md §1 (sizes).
"""

import zlib

CODINGS = frozenset({"gzip", "deflate"})
_GZIP, _ZLIB, _BARE = 31, 15, -15  # zlib's names for what is round the packed bytes
_METHOD, _IS_ZLIB = 0x0F, 0x08  # of a first byte


class Unpacker:
    """One body, packed as *coding* says: one of CODINGS. Raises ValueError for what is not, and for
    what follows its end.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._stream: zlib._Decompress | None = None

    def feed(self, data: bytes, room: int) -> bytes:
        """What *data* unpacks to. If that is more than *room* bytes it is one byte more, and the
        rest is lost.
        """
        if self._stream is None:
            self._stream = zlib.decompressobj(self._form(data))
        if self._stream.eof:
            raise ValueError("something follows the packed body")
        try:
            unpacked = self._stream.decompress(data, room + 1)
        except zlib.error as error:
            raise ValueError("the body is not packed as it says") from error
        if self._stream.unused_data:
            raise ValueError("something follows the packed body")
        return unpacked

    def close(self) -> None:
        """The body has ended."""
        if self._stream is not None and not self._stream.eof:
            raise ValueError("the packed body has no end")

    def _form(self, data: bytes) -> int:
        """Some send deflate bare of what RFC 1950 puts round it."""
        if self._coding == "gzip":
            return _GZIP
        return _ZLIB if data[:1] and data[0] & _METHOD == _IS_ZLIB else _BARE
