# SPDX-License-Identifier: Apache-2.0
"""The demonstrations: what they type, and what happens between."""
