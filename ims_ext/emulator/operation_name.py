# SPDX-License-Identifier: Apache-2.0
"""The documented names of the services' operations.

Those of the image service are the titles of its reference, those of the
services around it the titles of OpenStack's. Operations that no reference
describes are called as their handlers' docstrings say.
"""

from collections.abc import Callable
import re
from typing import Any

_PARAMETER = re.compile(r'<(?:[^<>:]+:)?(\w+)>')

#: Operations of the image service's extension, by method and path.
_EXTENSION = {
    'GET /v2/cloudimages': "Querying Images",
    'PATCH /v2/cloudimages/{image_id}': "Updating an Image",
    'POST /v2/cloudimages/action': "Creating an Image",
    'POST /v1/cloudimages/dataimages/action': (
        "Creating a Data Disk Image from an External Image File"
    ),
    'POST /v2/cloudimages/quickimport/action': (
        "Importing an Image File Quickly"
    ),
    'POST /v1/cloudimages/wholeimages/action': "Creating a Full-ECS Image",
    'PUT /v1/cloudimages/{image_id}/upload': "Registering an Image",
    'POST /v1/cloudimages/{image_id}/file': "Exporting an Image",
    'POST /v1/cloudimages/{image_id}/copy': (
        "Replicating an Image Within a Region"
    ),
    'POST /v1/cloudimages/{image_id}/cross_region_copy': (
        "Replicating an Image Across Regions"
    ),
    'GET /v1/cloudimages/os_version': "Querying the Supported OSs",
    'PUT /v1/cloudimages/tags': "Adding or Modifying a Tag",
    'GET /v1/cloudimages/tags': "Querying Tags",
    'POST /v2/{project_id}/images/resource_instances/action': (
        "Querying Images by Tag"
    ),
    'POST /v2/{project_id}/images/{image_id}/tags/action': (
        "Adding or Deleting Image Tags in a Batch"
    ),
    'POST /v2/{project_id}/images/{image_id}/tags': "Adding an Image Tag",
    'DELETE /v2/{project_id}/images/{image_id}/tags/{key}': (
        "Deleting an Image Tag"
    ),
    'GET /v2/{project_id}/images/{image_id}/tags': (
        "Querying Tags of an Image"
    ),
    'GET /v2/{project_id}/images/tags': "Querying All Image Tags",
    'POST /v1/cloudimages/members': "Adding Image Sharing Members",
    'DELETE /v1/cloudimages/members': "Deleting Image Sharing Members",
    'PUT /v1/cloudimages/members': "Updating the Sharing Status for Images",
    'GET /v1/{project_id}/cloudimages/{image_id}/members': (
        "Querying Image Sharing Members"
    ),
    'GET /v1/{project_id}/cloudimages/{image_id}/members/{member_id}': (
        "Querying Image Sharing Member Details"
    ),
    'GET /v1/cloudimages/quota': "Querying the Image Quota",
    'GET /v1/{project_id}/jobs/{job_id}': (
        "Querying the Status of an Asynchronous Job"
    ),
    'GET /v1/cloudimages/job/{job_id}': (
        "Querying the Progress of an Asynchronous Job"
    ),
    'POST /v2.1/cloudimages/action': "Creating an Image in Safe Mode",
    'POST /v2.1/cloudimages/dataimages/action': (
        "Creating a Data Disk Image from an External Image File in Safe Mode"
    ),
    'POST /v2.1/cloudimages/quickimport/action': (
        "Importing an Image File Quickly in Safe Mode"
    ),
    'POST /v2.1/cloudimages/{image_id}/copy': (
        "Replicating an Image Within a Region in Safe Mode"
    ),
    'POST /v2.1/cloudimages/{image_id}/file': (
        "Exporting an Image in Safe Mode"
    ),
    'DELETE /v1/{project_id}/cloudimages/{image_id}/tags/delete': (
        "Deleting Image Tags in a Batch"
    ),
}

_NATIVE = "(Native OpenStack API)"
_V1_1 = "(Native OpenStack API V1.1, Deprecated)"
#: Glance's own operations, as the image service's reference has them.
_GLANCE = {
    'GET /': f"Querying API Versions {_NATIVE}",
    'GET /{version}': f"Querying an API Version {_NATIVE}",
    'GET /v2/images': f"Querying Images {_NATIVE}",
    'POST /v2/images': f"Creating Image Metadata {_NATIVE}",
    'GET /v2/images/{image_id}': f"Querying Image Details {_NATIVE}",
    'PATCH /v2/images/{image_id}': f"Modifying an Image {_NATIVE}",
    'DELETE /v2/images/{image_id}': f"Deleting an Image {_NATIVE}",
    'PUT /v2/images/{image_id}/file': f"Uploading an Image {_NATIVE}",
    'GET /v2/images/{image_id}/file': f"Downloading an Image {_NATIVE}",
    'PUT /v2/images/{image_id}/tags/{tag}': f"Adding a Tag {_NATIVE}",
    'DELETE /v2/images/{image_id}/tags/{tag}': f"Deleting a Tag {_NATIVE}",
    'GET /v2/schemas/image': f"Querying an Image Schema {_NATIVE}",
    'GET /v2/schemas/images': f"Querying an Image List Schema {_NATIVE}",
    'GET /v2/schemas/member': (
        f"Querying a Schema for an Image Sharing Member {_NATIVE}"
    ),
    'GET /v2/schemas/members': (
        f"Querying a Schema for an Image Sharing Member List {_NATIVE}"
    ),
    'POST /v2/images/{image_id}/members': (
        f"Adding an Image Sharing Member {_NATIVE}"
    ),
    'GET /v2/images/{image_id}/members': (
        f"Querying Image Sharing Members {_NATIVE}"
    ),
    'GET /v2/images/{image_id}/members/{member_id}': (
        f"Querying Image Sharing Member Details {_NATIVE}"
    ),
    'PUT /v2/images/{image_id}/members/{member_id}': (
        f"Updating the Image Sharing Status {_NATIVE}"
    ),
    'DELETE /v2/images/{image_id}/members/{member_id}': (
        f"Deleting an Image Sharing Member {_NATIVE}"
    ),
    'DELETE /v1.1/images/{image_id}': f"Deleting an Image {_V1_1}",
    'GET /v1.1/images/detail': f"Querying Image Details {_V1_1}",
    'HEAD /v1/images/{image_id}': (
        "Querying Image Metadata (Native OpenStack API V1, Deprecated)"
    ),
}

_IDENTITY = {
    'GET /': "List versions",
    'GET /v3': "Show API v3 details",
    'POST /v3/auth/tokens': "Issue a token",
    'GET /v3/auth/tokens': "Validate and show information for token",
    'DELETE /v3/auth/tokens': "Revoke token",
    'GET /v3/auth/catalog': "Get service catalog",
    'GET /v3/auth/domains': "Get available domain scopes",
    'GET /v3/auth/projects': "Get available project scopes",
    'GET /v3/domains': "List domains",
    'GET /v3/domains/{domain_id}': "Show domain details",
    'GET /v3/endpoints': "List endpoints",
    'GET /v3/endpoints/{endpoint_id}': "Show endpoint details",
    'GET /v3/projects': "List projects",
    'GET /v3/projects/{project_id}': "Show project details",
    'GET /v3/regions': "List regions",
    'GET /v3/regions/{region_id}': "Show region details",
    'GET /v3/services': "List services",
    'GET /v3/services/{service_id}': "Show service details",
    'GET /v3/users': "List users",
    'GET /v3/users/{user_id}': "Show user details",
    'GET /v3/users/{user_id}/projects': "List projects for user",
    'POST /v3.0/OS-CREDENTIAL/securitytokens': (
        "Obtaining a Temporary AK/SK and Security Token"
    ),
}

_COMPUTE = {
    'GET /': "List All Major Versions",
    'GET /v2.1': "Show Details of Specific API Version",
    'GET /v2.1/servers': "List Servers",
    'GET /v2.1/servers/detail': "List Servers Detailed",
    'GET /v2.1/servers/{server_id}': "Show Server Details",
    'GET /v2.1/servers/{server_id}/os-volume_attachments': (
        "List volume attachments for an instance"
    ),
    'POST /v2.1/servers/{server_id}/action': "Run an action on a server",
    'GET /v2.1/flavors': "List Flavors",
    'GET /v2.1/flavors/detail': "List Flavors With Details",
    'GET /v2.1/flavors/{flavor_id}': "Show Flavor Details",
    'GET /v2.1/flavors/{flavor_id}/os-extra_specs': (
        "List Extra Specs For A Flavor"
    ),
}

_BLOCK_STORAGE = {
    'GET /': "List All Api Versions",
    'GET /v3': "Show API v3 details",
    'GET /v3/volumes': "List accessible volumes",
    'GET /v3/volumes/detail': "List accessible volumes with details",
    'GET /v3/volumes/{volume_id}': "Show a volume's details",
    'GET /v3/backups': "List backups for project",
    'GET /v3/backups/detail': "List backups with detail",
    'GET /v3/backups/{backup_id}': "Show backup detail",
}

#: The names, by service.
NAMES = {
    'image': {**_EXTENSION, **_GLANCE},
    'identity': _IDENTITY,
    'compute': _COMPUTE,
    'block-storage': _BLOCK_STORAGE,
}


def documented_path(rule: str) -> str:
    """Return a route's path as references write it.

    :param rule: The route: ``/v2/images/<image_id>``.
    """
    path = _PARAMETER.sub(r'{\1}', rule)
    return path if path == '/' else path.rstrip('/')


def operation_name(
    service: str, method: str, rule: str, handler: Callable[..., Any]
) -> str:
    """Return the documented name of an operation.

    :param service: Whose operation it is: ``image``.
    :param method: The HTTP method.
    :param rule: The route's path.
    :param handler: What answers it; its docstring names what has no other
        name.
    """
    path = documented_path(rule)
    known = NAMES.get(service, {}).get(f'{method} {path}')
    if known is not None:
        return known
    words = (handler.__doc__ or '').strip().partition('\n')[0]
    return words.rstrip('.') or f'{method} {path}'
