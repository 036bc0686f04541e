# What a client must not do, done with libnbd's strict mode off: each request is refused with the right error, and the connection goes on.
import errno, nbd, sys

h = nbd.NBD()
h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
h.connect_uri(sys.argv[1])
h.set_strict_mode(0)
size = h.get_size()


def refused(what, want, call, *args):
    try:
        call(*args)
    except nbd.Error as error:
        got = error.errnum
        assert got == want, f"{what}: {errno.errorcode.get(got, got)} instead of {errno.errorcode[want]}"
    else:
        raise AssertionError(f"{what} was not refused")
    assert h.pread(512, 0) == bytearray(512), f"after {what}"


def nothing(*_):
    return 0


refused("a read past the end", errno.EINVAL, h.pread, 512, size)
refused("a read across the end", errno.EINVAL, h.pread, 1024, size - 512)
refused("a write past the end", errno.ENOSPC, h.pwrite, bytearray(512), size)
refused("zeroes across the end", errno.ENOSPC, h.zero, 1024, size - 512)
refused("a trim past the end", errno.EINVAL, h.trim, 512, size)
refused("a cache past the end", errno.EINVAL, h.cache, 512, size)
refused("a status past the end", errno.EINVAL, h.block_status, 512, size, nothing)
refused("an offset beyond 2^63", errno.EINVAL, h.pread, 512, (1 << 63) - 512)
refused("an empty write", errno.EINVAL, h.pwrite, bytearray(0), 0)
refused("an empty read", errno.EINVAL, h.pread, 0, 0)
refused("an unknown flag", errno.EINVAL, h.pwrite, bytearray(512), 0, 1 << 10)
refused("DF on a write", errno.EINVAL, h.pwrite, bytearray(512), 0, nbd.CMD_FLAG_DF)
refused("NO_HOLE on a trim", errno.EINVAL, h.trim, 512, 0, nbd.CMD_FLAG_NO_HOLE)
refused("a flag on a flush", errno.EINVAL, h.flush, nbd.CMD_FLAG_REQ_ONE)
h.shutdown()
print("all refused")
