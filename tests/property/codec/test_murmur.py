from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from pipeline.codec.murmur import murmur2_all, partition_of, partitions_of


@given(st.lists(st.binary(max_size=70)), st.integers(1, 1024))
def test_keys_lie_where_kafkas_default_partitioner_puts_them(
    keys: list[bytes], partitions: int
) -> None:
    hashes = murmur2_all(keys)

    assert hashes.tolist() == [murmur2(key) & 0xFFFF_FFFF for key in keys]
    expected = [(murmur2(key) & 0x7FFF_FFFF) % partitions for key in keys]
    assert partitions_of(hashes, partitions).tolist() == expected
    assert [partition_of(h, partitions) for h in hashes.tolist()] == expected
