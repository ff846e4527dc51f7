package dev.nestwalk;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The requesters that a translator knows, a bounded number of them: a new one displaces the one
 * that was looked up, or found an invalidation to apply, longest ago. A displaced endpoint loses
 * its configuration and finds its way back here if somebody still uses it.
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

  /** Takes an endpoint in, if it is not here; another one may have to go. */
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

  /** Lets an endpoint go that is here. */
  void dismiss(Endpoint endpoint) {
    unlink(endpoint);
    count--;
    endpoint.isAdmitted = false;
    byId.remove(endpoint.id(), endpoint);
    endpoint.forget();
  }

  /** How many there are. */
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
