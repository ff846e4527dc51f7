package dev.nestwalk;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The requesters that a translator knows, up to a limit. A new one displaces the least recently
 * used, where looking it up and applying an invalidation to it both count as use. A displaced
 * endpoint loses its configuration and comes back here when it is used again.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
final class EndpointTable implements Iterable<Endpoint> {
  private final int capacity;
  private final Long2ObjectHashMap<Endpoint> byId = new Long2ObjectHashMap<>();
  private @Nullable Endpoint oldest;
  private @Nullable Endpoint newest;
  private int count;

  EndpointTable(int capacity) {
    this.capacity = capacity;
  }

  /** The endpoint with this id, or null. */
  @Nullable Endpoint find(long id) {
    Endpoint found = byId.get(id);
    if (found != null) {
      touch(found);
    }
    return found;
  }

  /** Adds an endpoint if it is absent; this may displace another one. */
  void admit(Endpoint endpoint) {
    if (endpoint.isAdmitted) {
      touch(endpoint);
      return;
    }
    while (count >= capacity && oldest != null) {
      dismiss(oldest);
    }
    endpoint.isAdmitted = true;
    append(endpoint);
    count++;
    byId.putIfAbsent(endpoint.id(), endpoint);
  }

  private void touch(Endpoint endpoint) {
    if (endpoint.newer != null) {
      unlink(endpoint);
      append(endpoint);
    }
  }

  /** Removes an endpoint if it is present. */
  void dismiss(Endpoint endpoint) {
    unlink(endpoint);
    count--;
    endpoint.isAdmitted = false;
    byId.remove(endpoint.id(), endpoint);
    endpoint.forget();
  }

  /** Number of endpoints. */
  int count() {
    return count;
  }

  private void append(Endpoint endpoint) {
    endpoint.older = newest;
    endpoint.newer = null;
    if (newest == null) {
      oldest = endpoint;
    } else {
      newest.newer = endpoint;
    }
    newest = endpoint;
  }

  private void unlink(Endpoint endpoint) {
    Endpoint before = endpoint.older;
    Endpoint after = endpoint.newer;
    if (before == null) {
      oldest = after;
    } else {
      before.newer = after;
    }
    if (after == null) {
      newest = before;
    } else {
      after.older = before;
    }
    endpoint.older = null;
    endpoint.newer = null;
  }

  @Override
  public Iterator<Endpoint> iterator() {
    return new Iterator<>() {
      private @Nullable Endpoint next = oldest;

      @Override
      public boolean hasNext() {
        return next != null;
      }

      @Override
      public Endpoint next() {
        Endpoint current = next;
        if (current == null) {
          throw new NoSuchElementException("after the newest endpoint");
        }
        next = current.newer;
        return current;
      }
    };
  }
}
