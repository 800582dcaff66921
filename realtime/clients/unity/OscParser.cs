// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

using System.Runtime.InteropServices;
using System.Text;

namespace Sealcap
{
    /// <summary>Gets the messages of a packet, in their order.</summary>
    public interface IOscHandler
    {
        /// <summary>The message is only valid during the call: the next one overwrites it.</summary>
        void OnMessage(OscMessage message);
    }

    /// <summary>
    /// One OSC message in a buffer: compare its address and tags, then read its arguments in order. Reading
    /// beyond the end gives zeros and sets <see cref="Failed"/>; nothing throws, nothing allocates.
    /// </summary>
    public sealed class OscMessage
    {
        private byte[] _data;
        private int _start, _end, _addressLength, _tags, _tagsLength, _arguments, _at;

        /// <summary>An argument was not all there.</summary>
        public bool Failed { get; private set; }

        /// <summary>Bytes of a constant text, to compare with.</summary>
        public static byte[] Text(string text) { return Encoding.ASCII.GetBytes(text); }

        /// <summary>Look at data[start, end). False when that is no message.</summary>
        internal bool Open(byte[] data, int start, int end)
        {
            _data = data;
            _start = _at = start;
            _end = end;
            Failed = false;
            int address;
            ReadString(out address, out _addressLength);
            ReadString(out _tags, out _tagsLength);
            _arguments = _at;
            return !Failed && _addressLength > 1 && data[address] == (byte)'/'
                && _tagsLength > 0 && data[_tags] == (byte)',';
        }

        public bool AddressIs(byte[] address) { return Same(_start, _addressLength, address); }

        /// <summary>The type tags begin with these (comma included); more arguments do no harm.</summary>
        public bool TagsBegin(byte[] tags)
        {
            return _tagsLength >= tags.Length && Same(_tags, tags.Length, tags);
        }

        /// <summary>Go back to the first argument.</summary>
        public void Rewind()
        {
            _at = _arguments;
            Failed = false;
        }

        public int ReadInt()
        {
            if (_end - _at < 4)
            {
                Failed = true;
                return 0;
            }
            int value = OscParser.Int(_data, _at);
            _at += 4;
            return value;
        }

        public float ReadFloat()
        {
            IntOrFloat both = new IntOrFloat { Int = ReadInt() };
            return both.Float;
        }

        /// <summary>Where in the table the next argument, a string, stands; -1 when it does not.</summary>
        public int ReadName(byte[][] table)
        {
            int start, length;
            ReadString(out start, out length);
            for (int i = 0; i < table.Length && !Failed; i++)
                if (Same(start, length, table[i]))
                    return i;
            return -1;
        }

        private void ReadString(out int start, out int length)
        {
            start = _at;
            length = 0;
            while (_at + length < _end && _data[_at + length] != 0)
                length++;
            int padded = (length / 4 + 1) * 4;
            if (Failed || padded > _end - _at)
            {
                Failed = true;
                length = 0;
                return;
            }
            _at += padded;
        }

        private bool Same(int start, int length, byte[] text)
        {
            if (length != text.Length)
                return false;
            for (int i = length - 1; i >= 0; i--) // addresses and names differ most at their ends
                if (_data[start + i] != text[i])
                    return false;
            return true;
        }

        [StructLayout(LayoutKind.Explicit)]
        private struct IntOrFloat
        {
            [FieldOffset(0)] public int Int;
            [FieldOffset(0)] public float Float;
        }
    }

    /// <summary>
    /// Takes OSC 1.0 packets apart: a message, or a bundle of messages. Bundles inside bundles are left out;
    /// time tags are not waited for. One parser per thread.
    /// </summary>
    public sealed class OscParser
    {
        private const int HeadBytes = 16;
        private static readonly byte[] BundleMark = { 35, 98, 117, 110, 100, 108, 101, 0 }; // "#bundle\0"
        private readonly OscMessage _message = new OscMessage();

        /// <summary>Hand over what is well-formed. Returns how many pieces were not.</summary>
        public int Parse(byte[] data, int length, IOscHandler handler)
        {
            if (!IsBundle(data, 0, length))
                return Hand(data, 0, length, handler);
            int at = HeadBytes, malformed = length < HeadBytes ? 1 : 0;
            while (at < length)
            {
                int size = length - at < 4 ? -1 : Int(data, at);
                at += 4;
                if (size <= 0 || size > length - at)
                    return malformed + 1; // where the next one begins is unknown
                malformed += Hand(data, at, at + size, handler);
                at += size;
            }
            return malformed;
        }

        internal static int Int(byte[] data, int at)
        {
            return data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3];
        }

        private int Hand(byte[] data, int start, int end, IOscHandler handler)
        {
            if (IsBundle(data, start, end) || !_message.Open(data, start, end))
                return 1;
            handler.OnMessage(_message);
            return 0;
        }

        private static bool IsBundle(byte[] data, int start, int end)
        {
            if (end - start < BundleMark.Length)
                return false;
            for (int i = 0; i < BundleMark.Length; i++)
                if (data[start + i] != BundleMark[i])
                    return false;
            return true;
        }
    }
}
