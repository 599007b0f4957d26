# SPDX-License-Identifier: Apache-2.0
"""The signatures of chunks, by the example that S3's documentation has."""

import hashlib

from ims_ext.emulator.bucket import signature

SEED = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9'
CHUNKS = {
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648': (
        b'a' * 65536
    ),
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497': (
        b'a' * 1024
    ),
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9': b'',
}


def test_chunks_have_the_documented_signatures() -> None:
    sign = signature.chunk_signer(
        'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        signature.Scope('20130524T000000Z', 'us-east-1'),
        SEED,
    )

    assert [
        sign(hashlib.sha256(data).digest(), False) for data in CHUNKS.values()
    ] == list(CHUNKS)
