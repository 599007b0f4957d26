# SPDX-License-Identifier: Apache-2.0
"""The object store: signatures, bodies, files, S3 itself."""
