# SPDX-License-Identifier: Apache-2.0
"""A disk image's file on its way to an image, resumed where it was cut."""
