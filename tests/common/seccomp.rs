//! System calls that fail or kill, by filters of `seccomp`.
//!
//! A filter is added to those there are, so this works within a container, too.

use libc::sock_filter;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

/// Where a filter finds the number of the call.
const CALL: u32 = 0;
/// Where it finds the low half of the first argument; each argument takes eight bytes.
const ARGUMENTS: u32 = 16;

/// Lets a system call of this thread fail from now on, if `bits` are set in an argument.
pub(crate) fn refuse(call: u32, argument: u32, bits: u32, errno: u32) {
    add_filter(&mut [
        step(LOAD, CALL, 0),
        step(EQUAL, call, 4),
        step(LOAD, ARGUMENTS + 8 * argument, 0),
        step(AND, bits, 0),
        step(EQUAL, bits, 1),
        step(RETURN, libc::SECCOMP_RET_ERRNO | errno, 0),
        step(RETURN, libc::SECCOMP_RET_ALLOW, 0),
    ]);
}

/// Lets no file system make a file without a name for this thread from now on.
pub(crate) fn refuse_unnamed_files() {
    let (bits, error) = (libc::O_TMPFILE as u32, libc::EOPNOTSUPP as u32);
    refuse(libc::SYS_openat as u32, 2, bits, error);
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    refuse(libc::SYS_open as u32, 1, bits, error);
}

/// Lets no file be renamed by this thread from now on, unless another may be replaced.
pub(crate) fn refuse_renames() {
    let (bits, error) = (libc::RENAME_NOREPLACE, libc::EINVAL as u32);
    refuse(libc::SYS_renameat2 as u32, 4, bits, error);
}

/// Lets any system call of this thread but these kill its process from now on, by `SIGSYS`.
pub(crate) fn allow_only(calls: &[u32]) {
    let mut steps = vec![step(LOAD, CALL, 0)];
    for &call in calls {
        steps.push(step(EQUAL, call, 1));
        steps.push(step(RETURN, libc::SECCOMP_RET_ALLOW, 0));
    }
    steps.push(step(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0));
    add_filter(&mut steps);
}

/// `if_unequal`: how many steps one that compares passes over if it finds something else.
fn step(code: u32, k: u32, if_unequal: u8) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: if_unequal,
        k,
    }
}

fn add_filter(steps: &mut [sock_filter]) {
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: takes numbers only; it gives up privileges that this process does not need.
    let set = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    let (option, mode) = (libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER);
    // SAFETY: `program` points to `steps`, and both live for the whole call; the kernel checks them.
    let set = unsafe { libc::prctl(option, mode, &raw const program) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// Lets this system call of this thread kill its process from now on, by `SIGSYS`.
pub(crate) fn kill_at(call: u32) {
    add_filter(&mut [
        step(LOAD, CALL, 0),
        step(EQUAL, call, 1),
        step(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0),
        step(RETURN, libc::SECCOMP_RET_ALLOW, 0),
    ]);
}

/// Lets a system call of this thread kill its process from now on, by `SIGSYS`, if `bits` are set
/// in an argument.
pub(crate) fn kill_if(call: u32, argument: u32, bits: u32) {
    add_filter(&mut [
        step(LOAD, CALL, 0),
        step(EQUAL, call, 4),
        step(LOAD, ARGUMENTS + 8 * argument, 0),
        step(AND, bits, 0),
        step(EQUAL, bits, 1),
        step(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0),
        step(RETURN, libc::SECCOMP_RET_ALLOW, 0),
    ]);
}
