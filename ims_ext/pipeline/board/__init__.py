# SPDX-License-Identifier: Apache-2.0
"""Pipelines on many machines: a board in Redis, and workers at it."""
