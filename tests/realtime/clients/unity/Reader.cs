// Runs the receiver's plain classes for tests: packets from a file or a port in, frames as JSON lines out.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Threading;
using Sealcap;

internal static class Reader
{
    private static int Main(string[] arguments)
    {
        switch (arguments[0])
        {
            case "decode": return Decode(Packets(arguments[1]), int.Parse(arguments[2]));
            case "steady": return Steady(Packets(arguments[1]), int.Parse(arguments[2]));
            case "listen": return Listen(int.Parse(arguments[1]), arguments);
            case "names": Console.WriteLine(string.Join(" ", Skeleton.Bones)); return 0;
        }
        return 2;
    }

    /// <summary>A file of packets, each after its length as a big-endian int.</summary>
    private static List<byte[]> Packets(string path)
    {
        List<byte[]> packets = new List<byte[]>();
        byte[] data = File.ReadAllBytes(path);
        for (int at = 0; at < data.Length;)
        {
            int length = data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3];
            byte[] packet = new byte[length];
            Array.Copy(data, at + 4, packet, 0, length);
            packets.Add(packet);
            at += 4 + length;
        }
        return packets;
    }

    private static int Decode(List<byte[]> packets, int person)
    {
        PoseDecoder decoder = new PoseDecoder(person);
        foreach (byte[] packet in packets)
        {
            decoder.OnPacket(packet, packet.Length);
            Print(decoder.Frames.Take());
        }
        Print(decoder);
        return 0;
    }

    /// <summary>The same packets again and again; says how often memory had to be collected.</summary>
    private static int Steady(List<byte[]> packets, int rounds)
    {
        PoseDecoder decoder = new PoseDecoder(JointsDecoder.Anyone);
        int before = 0;
        for (int round = 0; round < rounds; round++)
        {
            if (round == 1)
                before = GC.CollectionCount(0);
            for (int i = 0; i < packets.Count; i++)
                decoder.OnPacket(packets[i], packets[i].Length);
            decoder.Frames.Take();
        }
        Console.WriteLine("{{\"collections\": {0}}}", GC.CollectionCount(0) - before);
        return 0;
    }

    /// <summary>One decoder per person named, on one port; every frame is printed until the input ends.</summary>
    private static int Listen(int port, string[] arguments)
    {
        List<PoseDecoder> decoders = new List<PoseDecoder>();
        PacketHub hub = null;
        try
        {
            for (int i = 2; i < arguments.Length; i++)
            {
                decoders.Add(new PoseDecoder(int.Parse(arguments[i])));
                hub = PacketHub.Join(port, false, decoders[i - 2]);
            }
        }
        catch (PortException error)
        {
            Console.WriteLine("problem " + error.Message);
            return 1;
        }
        Console.WriteLine("ready");
        bool ended = false;
        new Thread(delegate() { Console.In.ReadToEnd(); ended = true; }) { IsBackground = true }.Start();
        while (!Volatile.Read(ref ended))
        {
            foreach (PoseDecoder decoder in decoders)
                Print(decoder.Frames.Take());
            Thread.Sleep(1);
        }
        foreach (PoseDecoder decoder in decoders)
        {
            hub.Leave(decoder);
            hub.Leave(decoder);
            Print(decoder.Frames.Take());
            Print(decoder);
        }
        hub = PacketHub.Join(port, false, decoders[0]); // the port is free again at once
        hub.Leave(decoders[0]);
        return 0;
    }

    private static void Print(PoseDecoder decoder)
    {
        StreamCounters c = decoder.Counters;
        Console.WriteLine(
            "{{\"packets\": {0}, \"malformed\": {1}, \"frames\": {2}, \"lost\": {3}, \"incomplete\": {4}, "
            + "\"late\": {5}, \"restarts\": {6}, \"skipped\": {7}}}",
            c.Packets, c.Malformed, c.Frames, c.LostFrames, c.IncompleteFrames, c.LatePackets, c.Restarts,
            decoder.Frames.Skipped);
    }

    private static void Print(PoseFrame frame)
    {
        if (frame == null)
            return;
        StringBuilder line = new StringBuilder();
        line.AppendFormat(
            CultureInfo.InvariantCulture,
            "{{\"state\": \"{0}\", \"person\": {1}, \"seq\": {2}, \"seconds\": {3:R}, \"confidence\": {4:R}, "
            + "\"mask\": {5}, \"leg\": {6:R}, \"pelvis\": [{7:R}, {8:R}, {9:R}], \"local\": [",
            frame.State.ToString().ToLowerInvariant(), frame.Person, frame.Sequence, frame.Seconds,
            frame.Confidence, frame.BoneMask, frame.LegLength, frame.Pelvis.X, frame.Pelvis.Y, frame.Pelvis.Z);
        foreach (Quat q in frame.Local)
            Append(line, q.X, q.Y, q.Z, q.W);
        line.Append("[]], \"offset\": [");
        foreach (Vec3 v in frame.Offset)
            Append(line, v.X, v.Y, v.Z);
        line.Append("[]], \"joint\": [");
        for (int i = 0; i < frame.Joint.Length; i++)
            Append(line, frame.Joint[i].X, frame.Joint[i].Y, frame.Joint[i].Z, frame.JointConfidence[i]);
        Console.WriteLine(line.Append("[]]}"));
    }

    private static void Append(StringBuilder line, params float[] numbers)
    {
        line.Append('[');
        for (int i = 0; i < numbers.Length; i++)
            line.Append(i > 0 ? ", " : "").Append(numbers[i].ToString("R", CultureInfo.InvariantCulture));
        line.Append("], ");
    }
}
