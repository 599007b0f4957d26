# SPDX-License-Identifier: Apache-2.0
"""Where each habit of the clouds that no reference shows is tested."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

#: A habit of real clouds; a test of what becomes of it.
FACTS = {
    "pages are shorter than asked for, and not the last": (
        'unit/test_page_end.py',
        'test_pages_are_smaller_than_documented',
    ),
    "lists of the extension link to their next page": (
        'unit/test_page_end.py',
        'test_a_link_to_the_next_page_is_followed',
    ),
    "a gateway cuts or refuses answers above some 250 KB": (
        'unit/test_page_end.py',
        'test_a_page_that_cannot_be_had_is_asked_for_in_halves',
    ),
    "errors have any object around them, and other names": (
        'unit/test_error_body.py',
        'test_code_and_message_are_found_under_each_name_and_object',
    ),
    "errors are plain text, or nothing at all": (
        'unit/test_error_body.py',
        'test_a_message_is_never_empty',
    ),
    "the request's ID is in several places": (
        'unit/test_error_body.py',
        'test_the_requests_id_is_told_wherever_it_stands',
    ),
    "jobs tell their images in __data_images, or in sub-jobs": (
        'unit/test_job_image.py',
        'test_all_images_are_told',
    ),
    "jobs that have ended well tell no image": (
        'unit/test_job_image.py',
        'test_an_image_that_the_job_does_not_tell_is_found',
    ),
    "the emulator's refusals have any of these shapes": (
        'functional/test_faults.py',
        'test_a_refusal_in_another_shape_is_read',
    ),
    "the emulator's jobs tell no image": (
        'functional/test_late_effects.py',
        'test_an_image_that_the_job_does_not_tell_is_found',
    ),
    "the emulator's pages are shorter than asked for": (
        'functional/test_profiles.py',
        'test_all_images_are_listed_however_short_the_pages',
    ),
    "an upload is queued, then saving, after it was acknowledged": (
        'functional/test_late_effects.py',
        'test_an_image_is_queued_and_saving_before_it_is_active',
    ),
    "an upload is killed": (
        'unit/test_settling.py',
        'test_a_killed_image_is_an_error_that_says_so',
    ),
    "the emulator kills an upload": (
        'functional/test_late_effects.py',
        'test_data_that_the_service_cannot_take_kill_the_image',
    ),
    "a new image is not to be seen at once": (
        'unit/test_settling.py',
        'test_an_image_that_is_not_to_be_seen_yet_is_waited_for',
    ),
    "the emulator does not show a new image at once": (
        'functional/test_late_effects.py',
        'test_a_new_image_is_not_seen_at_once',
    ),
    "tags are set after the job that was asked to set them": (
        'functional/test_late_effects.py',
        'test_what_a_job_sets_is_seen_after_its_end',
    ),
    "members are seen later than they were added": (
        'functional/test_late_effects.py',
        'test_a_member_is_seen_later',
    ),
    "members are seen for a while after they were removed": (
        'functional/test_late_effects.py',
        'test_a_member_is_seen_for_a_while_after_its_removal',
    ),
    "tags and attributes of a new image are seen after its job's end": (
        'unit/test_job_effect.py',
        'test_what_an_image_was_asked_to_have_is_seen_when_waiting_is_over',
    ),
    "members are seen after their job's end": (
        'unit/test_job_effect.py',
        'test_members_are_seen_when_waiting_is_over',
    ),
    "pages are cut to whatever number of items": (
        'unit/test_page_end.py',
        'test_pages_that_are_cut_to_different_sizes_are_all_there',
    ),
    "a deleted image is listed for a while": (
        'functional/test_late_effects.py',
        'test_a_deleted_image_is_seen_for_a_while',
    ),
    "replacing what is not there is refused, adding is not": (
        'unit/test_outdated.py',
        'test_what_is_not_there_any_more_is_added',
    ),
    "one catalog has an endpoint a region": (
        'unit/test_service.py',
        'test_an_endpoint_that_is_not_there_is_told_with_those_that_are',
    ),
}


@pytest.mark.parametrize('fact', FACTS)
def test_each_fact_has_a_test(fact: str) -> None:
    file, name = FACTS[fact]

    assert f'\ndef {name}(' in (TESTS / file).read_text('utf-8')
