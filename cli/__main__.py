"""`python -m cli`: the same as `livewarden`."""

import sys

from cli import main

sys.exit(main())
