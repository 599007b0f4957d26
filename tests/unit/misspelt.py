# SPDX-License-Identifier: Apache-2.0
"""Mistakes, one a line, that type checkers are to find; it is never run."""

import ims_ext
from ims_ext.types import CloudImage
from ims_ext.types import ImageFilters

conn = ims_ext.connect(cloud='otc')
service = conn.imss  # wrong: a service
conn.ims.cloud_imges()  # wrong: a method
conn.ims.get_cloud_image()  # wrong: nothing to get
conn.ims.create_image_from_file('a', 'b', bukket='c')  # wrong: a keyword
conn.ims.cloud_images(os_tipe='Linux')  # wrong: a filter
conn.ims.cloud_images(min_disk=[40])  # wrong: a filter's value
conn.ims.find_cloud_image('golden', ownr='me')  # wrong: a filter
conn.ims.tags(platfrom='Ubuntu')  # wrong: a filter
conn.ims.os_versions(tags='uefi')  # wrong: a filter
conn.ims.images_by_tags(tag={'env': 'prod'})  # wrong: a parameter
filters: ImageFilters = {'min_dsk': 40}  # wrong: a filter

image = conn.ims.get_cloud_image('golden')
print(image.min_dsk)  # wrong: an attribute
size: str = image.min_disk  # wrong: an attribute's type
flag: int = image.os_version  # wrong: an attribute's type
image.tag_map.appnd('env')  # wrong: a method of an attribute
conn.ims.update_cloud_image(image, min_rma=1)  # wrong: an attribute
maybe: CloudImage = conn.ims.find_cloud_image('golden')  # wrong: may be None

job = conn.ims.export_image(image, 'images:golden.qcow2')
print(job.progres)  # wrong: an attribute
done: str = job.is_finished  # wrong: an attribute's type
conn.ims.wait_for_job(job, timeot=60)  # wrong: a keyword
