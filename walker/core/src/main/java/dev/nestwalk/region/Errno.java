package dev.nestwalk.region;

/** The reason for which an operation was refused, under the names of Linux. */
public enum Errno {
  /** Write access to a read-only source. */
  EPERM,
  /** No such mapping or object. */
  ENOENT,
  /** In use or already attached. */
  EBUSY,
  /** There is already a mapping. */
  EEXIST,
  /** An invalid argument, or a reserved range. */
  EINVAL,
  /** No room for the mapping. */
  ENOSPC,
  /** Addresses or sizes wrap. */
  EOVERFLOW,
  /** A combination that is not supported. */
  EOPNOTSUPP,
  /** More results than there is room for. */
  EMSGSIZE,
  /** A range to be reserved is mapped or permanently allowed. */
  EADDRINUSE
}
