"""What all tests share: hypothesis tries the same examples each time, and without a stop-watch."""

from hypothesis import settings

settings.register_profile("house", derandomize=True, deadline=None)
settings.load_profile("house")
