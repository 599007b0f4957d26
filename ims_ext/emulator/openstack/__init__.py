# SPDX-License-Identifier: Apache-2.0
"""The services around the image service: identity, compute, block storage."""
