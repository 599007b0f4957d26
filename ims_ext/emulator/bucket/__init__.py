# SPDX-License-Identifier: Apache-2.0
"""The object store: buckets and objects, for clients of OBS and of S3."""
