# SPDX-License-Identifier: Apache-2.0
"""How fast this project is, side by side with what else there is."""
