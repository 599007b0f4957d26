# SPDX-License-Identifier: Apache-2.0
"""What the bucket side consists of: signatures, bodies, files, S3 itself."""
