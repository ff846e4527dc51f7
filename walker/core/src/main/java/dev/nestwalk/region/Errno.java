package dev.nestwalk.region;

/** Why an operation was refused, by the names that Linux uses. */
public enum Errno {
  /** Write access to a read-only source. */
  EPERM,
  /** No such mapping or object. */
  ENOENT,
  /** In use, or attached already. */
  EBUSY,
  /** A mapping is there already. */
  EEXIST,
  /** An argument that cannot be, or a range that is reserved. */
  EINVAL,
  /** No room for the mapping. */
  ENOSPC,
  /** Numbers wrap. */
  EOVERFLOW,
  /** A combination that is not offered. */
  EOPNOTSUPP,
  /** More answers than there is room for. */
  EMSGSIZE,
  /** A range to be reserved is mapped, or allowed for good. */
  EADDRINUSE
}
