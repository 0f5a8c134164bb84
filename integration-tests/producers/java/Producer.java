import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends orders as a service in Java does. All its mistakes are made from outside: how OpenTelemetry's
 * agent is configured, or that it is missing. {@code integration-tests/producers/send} makes them.
 *
 * <p>Each order is sent in the span of a request. It prints the requests' traces, in the order of the
 * messages.
 */
final class Producer {
    private interface Orders extends AutoCloseable {
        void send(String order) throws Exception;
    }

    public static void main(String[] arguments) {
        if (arguments.length != 3) {
            System.err.println("usage: Producer ADDRESS DESTINATION COUNT");
            System.exit(1);
        }
        try {
            run(arguments[0], arguments[1], Integer.parseInt(arguments[2]));
        } catch (Exception error) {
            System.err.println("producer: " + error);
            System.exit(1);
        }
    }

    private static void run(String address, String destination, int count) throws Exception {
        var tracer = GlobalOpenTelemetry.getTracer("shop");
        var traces = new ArrayList<String>();
        try (Orders orders = address.startsWith("amqp")
                ? new RabbitMq(address, destination) : new Kafka(address, destination)) {
            for (int number = 0; number < count; number++) {
                Span request = tracer.spanBuilder("POST /orders").startSpan();
                try (Scope scope = request.makeCurrent()) {
                    orders.send("order " + number);
                } finally {
                    request.end();
                }
                traces.add(request.getSpanContext().getTraceId());
            }
        }
        System.out.println(String.join(" ", traces));
    }

    private static final class Kafka implements Orders {
        private final KafkaProducer<String, String> producer;
        private final String topic;

        Kafka(String address, String topic) {
            var settings = Map.<String, Object>of("bootstrap.servers", address);
            this.producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
            this.topic = topic;
        }

        @Override
        public void send(String order) throws Exception {
            var record = new ProducerRecord<String, String>(topic, order);
            record.headers().add("source", "shop".getBytes());
            producer.send(record).get(30, TimeUnit.SECONDS);
        }

        @Override
        public void close() {
            producer.close();
        }
    }

    private static final class RabbitMq implements Orders {
        private final Connection connection;
        private final Channel channel;
        private final String queue;

        RabbitMq(String address, String queue) throws Exception {
            var factory = new ConnectionFactory();
            factory.setUri(address);
            this.connection = factory.newConnection();
            this.channel = connection.createChannel();
            this.channel.confirmSelect();
            this.queue = queue;
        }

        @Override
        public void send(String order) throws Exception {
            var properties = new BasicProperties.Builder().headers(Map.of("source", "shop")).build();
            channel.basicPublish("", queue, properties, order.getBytes());
            channel.waitForConfirmsOrDie(30_000);
        }

        @Override
        public void close() throws Exception {
            connection.close();
        }
    }
}
