# SPDX-License-Identifier: Apache-2.0
"""The caller's own files and generators, whose exceptions are the caller's.

requests and openstacksdk take an exception of theirs for the network's, or
turn it into one of their own. So it is kept here where it was raised, and
raised again in place of what was made of it.
"""

from collections.abc import Callable, Iterator
import io
from typing import Any

#: Data that are sent as they are, without anything of the caller's running.
_PLAIN = (bytearray, bytes, dict, io.TextIOBase, list, memoryview, str, tuple)


class Source:
    """A request's body that is read while it is sent.

    :param data: The caller's file or iterable.
    :ivar error: What reading it raised, if anything.
    """

    def __init__(self, data: Any) -> None:
        self.error: BaseException | None = None
        self._data = data

    @classmethod
    def of(cls, data: Any) -> Any:
        """Return data as a source, or as they are where nothing is read.

        :param data: A request's body.
        """
        if data is None or isinstance(data, (*_PLAIN, Source)):
            return data
        if not hasattr(data, 'read') and not hasattr(data, '__iter__'):
            return data
        return (_SizedSource if hasattr(data, '__len__') else cls)(data)

    def __iter__(self) -> Iterator[Any]:
        items = self._call(iter, self._data)
        while True:
            try:
                item = self._call(next, items)
            except StopIteration:
                return
            yield item

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        found = getattr(self._data, name)
        if name != 'read':
            return found
        return lambda *args: self._call(found, *args)

    def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error
            raise


class _SizedSource(Source):
    """A source that tells its length."""

    def __len__(self) -> int:
        return len(self._data)


class Sink(io.RawIOBase):
    """A file that something is written to.

    :param output: The caller's file.
    :ivar error: What writing to it raised, if anything.
    """

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.error: BaseException | None = None
        self._output = output

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: Any, /) -> int:
        """Write to the caller's file.

        :param data: Some bytes.
        :returns: How many were written.
        """
        try:
            written: int = self._output.write(data)
        except BaseException as error:
            self.error = error
            raise
        return written
