import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.common.KafkaFuture;

/** Comparing, with words for what differs. */
final class Check {
    static final Duration DEADLINE = Duration.ofSeconds(60);

    private Check() {}

    /** The broker did something else than it should. */
    static final class Differs extends RuntimeException {
        Differs(String what) {
            super(what);
        }
    }

    static void expect(String what, Object got, Object want) {
        if (!Objects.deepEquals(got, want)) {
            throw new Differs(what + ": got " + shorten(got) + ", want " + shorten(want));
        }
    }

    /** Wants a time within an hour of this machine's clock. */
    static void expectRecent(String what, long timestamp) {
        if (Math.abs(System.currentTimeMillis() - timestamp) > 3_600_000) {
            throw new Differs(what + ": got " + timestamp + ", want the present time");
        }
    }

    /** Asks again until the answer is the wanted one. */
    static void eventually(String what, Callable<?> probe, Object want) throws Exception {
        long until = System.nanoTime() + DEADLINE.toNanos();
        for (Object got = probe.call(); !Objects.deepEquals(got, want); got = probe.call()) {
            if (System.nanoTime() > until) {
                expect(what, got, want);
            }
            Thread.sleep(50);
        }
    }

    static <T> T get(KafkaFuture<T> future) throws Exception {
        return future.get(DEADLINE.toSeconds(), java.util.concurrent.TimeUnit.SECONDS);
    }

    /** The name of the exception that {@code action} ends with. */
    static String errorOf(Callable<?> action) {
        try {
            action.call();
            return "no error";
        } catch (ExecutionException e) {
            return e.getCause().getClass().getSimpleName();
        } catch (Exception e) {
            return e.getClass().getSimpleName();
        }
    }

    private static String shorten(Object value) {
        String text = value instanceof byte[] bytes ? Arrays.toString(bytes) : String.valueOf(value);
        int length = text.length();
        return length <= 160 ? text : text.substring(0, 80) + "..." + text.substring(length - 80);
    }
}
