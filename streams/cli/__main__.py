"""`python -m streams.cli`: the same as `livewarden`."""

import sys

from streams.cli import main

sys.exit(main())
