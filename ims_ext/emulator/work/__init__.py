# SPDX-License-Identifier: Apache-2.0
"""The work of the emulator's jobs: importing, exporting, copying, making."""
