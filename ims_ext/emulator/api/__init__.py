# SPDX-License-Identifier: Apache-2.0
"""The image service's operations, one module a capability of ``conn.ims``."""
