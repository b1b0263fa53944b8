"""How pip builds this package: by setuptools, whose editable installs forget the data files.

Up to version 84.2 it asks a distribution `has_data`, which is called `has_data_files`. Ours is a
setting for Jupyter, and everybody installs this package editable.
"""

from setuptools.build_meta import *  # noqa: F403
from setuptools.dist import Distribution

if not hasattr(Distribution, "has_data"):
    Distribution.has_data = Distribution.has_data_files
