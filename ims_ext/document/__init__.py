# SPDX-License-Identifier: Apache-2.0
"""YAML files that people write: read safely, each fault with its place.

:func:`~ims_ext.document.reading.read` gives the content, with the line and
column of each value; :func:`~ims_ext.document.schema.problems` says what in it
breaks a JSON Schema.
"""
