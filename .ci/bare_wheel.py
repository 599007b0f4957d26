# SPDX-License-Identifier: Apache-2.0
"""Checks an installed wheel without extras: complete, and nothing heavy."""

from importlib import metadata
import sys

import ims_ext
import ims_ext.service

assert 'site-packages' in ims_ext.__file__, ims_ext.__file__
assert metadata.version('ims-ext') == ims_ext.__version__
extensions = ims_ext.service.proxy_class()
assert extensions.cloud_images
assert extensions.create_image_from_file
optional = {
    'ansible',
    'boto3',
    'oslo_utils',
    'osc_lib',
    'tqdm',
    'waitress',
    'werkzeug',
}
assert not optional & set(sys.modules), optional & set(sys.modules)
