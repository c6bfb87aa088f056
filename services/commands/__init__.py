"""The commands of `taizhang` that ask a running service."""
