"""moto looks for a backend's URLs next to its models."""

from moto.cloudwatch.urls import url_bases, url_paths

__all__ = ["url_bases", "url_paths"]
