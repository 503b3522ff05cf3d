"""A stand-in for narwhals, which reads the frames of other packages: here are none but pandas'."""


class LazyFrame:
    """A frame that is computed when it is needed; nothing here is one."""


def from_native(data):
    """Refuse, as narwhals does with what is no frame."""
    raise TypeError(f"not a frame: {type(data).__name__}")
