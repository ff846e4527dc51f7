package dev.nestwalk.region;

/**
 * An operation of the tracker was refused. It has changed nothing unless its method says otherwise.
 */
public final class RegionException extends Exception {
  private static final long serialVersionUID = 1;

  private final Errno errno;

  /** A refusal with a message of one line: what, where and why. */
  public RegionException(Errno errno, String message) {
    super(errno + ": " + message);
    this.errno = errno;
  }

  /** The kind of refusal. */
  public Errno errno() {
    return errno;
  }

  static RegionException of(Errno errno, String format, Object... values) {
    return new RegionException(errno, format.formatted(values));
  }
}
