# SPDX-License-Identifier: Apache-2.0
"""The emulator: the documented service on one machine."""
