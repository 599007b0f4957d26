# SPDX-License-Identifier: Apache-2.0
"""One request and its response: sending, retries, redirects, resending."""
