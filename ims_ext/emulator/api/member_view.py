# SPDX-License-Identifier: Apache-2.0
"""Members of images on the wire, alike in both kinds of operations."""

from typing import Any

from ims_ext.emulator.state import Member

#: How many characters the ID of a member has at most.
MAX_ID = 255


def view(member: Member) -> dict[str, Any]:
    """Return a member as the wire has it."""
    return {
        'image_id': member.image_id,
        'member_id': member.member_id,
        'status': member.status,
        'created_at': member.created_at,
        'updated_at': member.updated_at,
        'schema': '/v2/schemas/member',
    }
