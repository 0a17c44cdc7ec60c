"""A carrier for frames of a film, through PyAV. https://pyav.basswood-io.com/docs/stable/"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Carried, CarrierFailed
from harvest.crawl.files.disk import Opened, located
from harvest.errors import ComponentMissing
from harvest.images.png import as_png

if TYPE_CHECKING:
    from av import VideoFrame

__all__ = ["VIDEO_SUFFIXES", "duration", "need_video", "read_frame"]

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ogv", ".wmv", ".flv", ".ts")
_AHEAD = 10.0  # seconds that are rather decoded through than jumped over


def need_video() -> None:
    """Raises ComponentMissing, which says what to install, where films cannot be read."""
    if find_spec("av") is None:
        raise ComponentMissing("frames of a film need PyAV: pip install 'herbarium-harvester[video]'")


def duration(path: Path) -> float:
    """How long a film's picture lasts, in seconds. Raises CarrierFailed when it is no film or does not say."""
    with _FILMS.use(path) as film:
        return film.duration


def read_frame(args: Mapping[str, Any], limits: Limits) -> Carried:
    """The frame that is shown `time` seconds into the film `file`, as PNG. Raises CarrierFailed."""
    with _FILMS.use(located(args)) as film:
        if film.pixels > limits.max_pixels:
            raise CarrierFailed(f"bomb: more than {limits.max_pixels} pixels (limits.max_pixels)")
        frame = film.frame(float(args["time"]))
        image = frame.to_image()  # type: ignore[no-untyped-call]
        if frame.rotation:
            image = image.rotate(frame.rotation, expand=True)
    return Carried(body=as_png(image), etag=str(args["version"]), made=f"frame of a film at {args['time']} s")


class _Film:
    """An opened film that knows where it stands, so that frames asked for in order are decoded once."""

    def __init__(self, path: Path) -> None:
        need_video()
        import av  # noqa: PLC0415 - an optional component

        try:
            # A playlist in a film's clothes must not make FFmpeg ask a host.
            self._container = av.open(str(path), options={"protocol_whitelist": "file"})
        except (OSError, ValueError) as error:  # FFmpegError is one of both
            raise CarrierFailed(f"not_a_film: {_words(error)}") from None
        if not self._container.streams.video:
            self._container.close()
            raise CarrierFailed("not_a_film: it has no picture")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self.pixels = self._stream.width * self._stream.height
        self._frames: Iterator[VideoFrame] = iter(())
        self._shown: VideoFrame | None = None
        self._next: VideoFrame | None = None

    @property
    def duration(self) -> float:
        """Seconds."""
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        if self._container.duration:
            return self._container.duration / 1_000_000
        raise CarrierFailed("changed: the film does not say how long it is")

    def frame(self, time: float) -> VideoFrame:
        """The last frame that begins at or before `time`, in seconds from the film's beginning; else the first one."""
        begin = float((self._stream.start_time or 0) * (self._stream.time_base or 1))
        wanted = begin + time + 1e-6
        shown = self._shown.time if self._shown is not None else None
        try:
            if shown is None or not shown <= wanted <= shown + _AHEAD:
                self._jump(wanted)
            while self._next is not None and (self._shown is None or (self._next.time or 0.0) <= wanted):
                self._shown, self._next = self._next, next(self._frames, None)
        except (OSError, ValueError) as error:
            self._shown = self._next = None
            raise CarrierFailed(f"corrupt: {_words(error)}") from None
        if self._shown is None:
            raise CarrierFailed("corrupt: the film has no frame there")
        return self._shown

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _jump(self, wanted: float) -> None:
        """To the key frame before, from where frames can be decoded."""
        time_base = float(self._stream.time_base or 1)
        self._container.seek(max(0, int(wanted / time_base)), stream=self._stream, backward=True)
        self._frames = self._container.decode(self._stream)
        self._shown, self._next = None, next(self._frames, None)


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _close(film: _Film) -> None:
    film.close()


_FILMS: Opened[_Film] = Opened(_Film, _close, limit=2)
