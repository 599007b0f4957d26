# SPDX-License-Identifier: Apache-2.0
"""The capabilities of ``conn.ims``, one module each.

A module holds its resource classes and a class with its proxy methods, which
is registered under the entry-point group ``ims_ext.extension``.
"""
