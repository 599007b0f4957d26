# SPDX-License-Identifier: Apache-2.0
"""``openstack ims …``: the commands, one module a noun or capability."""
