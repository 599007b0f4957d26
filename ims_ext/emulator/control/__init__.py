# SPDX-License-Identifier: Apache-2.0
"""The emulator's control routes, for whoever runs it."""
