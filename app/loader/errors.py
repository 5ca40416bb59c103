"""What can stop a load. Each message says what is wrong and what to do about it.

LoadError
├── SourceError       the layer's declaration, or the way to its file, is wrong
│   └── DownloadError the file cannot be fetched
├── FileRefused       the file is no boundary file that can be read safely and without guessing
├── GatesFailed       it was read, but what it holds must not be published as it is
└── PublishError      publishing or rolling back would leave the service in a wrong state
"""


class LoadError(Exception):
    """Base of the tree."""


class SourceError(LoadError):
    """The layer's declaration, or the way to its file, is wrong."""


class DownloadError(SourceError):
    """The file cannot be fetched."""


class FileRefused(LoadError):
    """The file is no boundary file that can be read safely and without guessing."""


class GatesFailed(LoadError):
    """What the file holds must not be published as it is. `names` are the gates that failed."""

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        super().__init__(message)
        self.names = names


class PublishError(LoadError):
    """Publishing or rolling back would leave the service in a wrong state."""
