// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap (sealcap run --osc / --vmc). Plain C#: knows nothing of Unity.

using System;

namespace Sealcap
{
    /// <summary>A point or direction in metres. Unity's axes: left-handed, Y up, the figure faces +Z.</summary>
    public struct Vec3
    {
        public float X, Y, Z;

        public Vec3(float x, float y, float z)
        {
            X = x;
            Y = y;
            Z = z;
        }

        public float Length { get { return (float)Math.Sqrt(Dot(this, this)); } }

        /// <summary>Length 1; a vector without length stays as it is.</summary>
        public Vec3 Normalized
        {
            get
            {
                float length = Length;
                return length > 1e-9f ? this * (1f / length) : this;
            }
        }

        public static Vec3 operator +(Vec3 a, Vec3 b) { return new Vec3(a.X + b.X, a.Y + b.Y, a.Z + b.Z); }
        public static Vec3 operator -(Vec3 a, Vec3 b) { return new Vec3(a.X - b.X, a.Y - b.Y, a.Z - b.Z); }
        public static Vec3 operator *(Vec3 a, float s) { return new Vec3(a.X * s, a.Y * s, a.Z * s); }

        public static float Dot(Vec3 a, Vec3 b) { return a.X * b.X + a.Y * b.Y + a.Z * b.Z; }

        public static Vec3 Cross(Vec3 a, Vec3 b)
        {
            return new Vec3(a.Y * b.Z - a.Z * b.Y, a.Z * b.X - a.X * b.Z, a.X * b.Y - a.Y * b.X);
        }

        public static Vec3 Lerp(Vec3 a, Vec3 b, float share) { return a + (b - a) * share; }
    }

    /// <summary>A rotation, xyzw. `a * b` turns by b first, then by a.</summary>
    public struct Quat
    {
        public float X, Y, Z, W;

        public Quat(float x, float y, float z, float w)
        {
            X = x;
            Y = y;
            Z = z;
            W = w;
        }

        public static Quat Identity { get { return new Quat(0f, 0f, 0f, 1f); } }

        public Quat Inverse { get { return new Quat(-X, -Y, -Z, W); } }

        public Quat Normalized
        {
            get
            {
                float length = (float)Math.Sqrt(Dot(this, this));
                return length > 1e-9f
                    ? new Quat(X / length, Y / length, Z / length, W / length)
                    : Identity;
            }
        }

        public static float Dot(Quat a, Quat b) { return a.X * b.X + a.Y * b.Y + a.Z * b.Z + a.W * b.W; }

        public static Quat operator *(Quat a, Quat b)
        {
            return new Quat(
                a.W * b.X + a.X * b.W + a.Y * b.Z - a.Z * b.Y,
                a.W * b.Y - a.X * b.Z + a.Y * b.W + a.Z * b.X,
                a.W * b.Z + a.X * b.Y - a.Y * b.X + a.Z * b.W,
                a.W * b.W - a.X * b.X - a.Y * b.Y - a.Z * b.Z);
        }

        public Vec3 Rotate(Vec3 v)
        {
            Vec3 axis = new Vec3(X, Y, Z);
            return v + Vec3.Cross(axis, Vec3.Cross(axis, v) + v * W) * 2f;
        }

        /// <summary>The shortest turn from one direction to another.</summary>
        public static Quat FromTo(Vec3 from, Vec3 to)
        {
            Vec3 a = from.Normalized, b = to.Normalized;
            float cosine = Vec3.Dot(a, b);
            if (cosine < -0.999999f)
            {
                Vec3 aside = Math.Abs(a.X) < 0.9f ? new Vec3(1f, 0f, 0f) : new Vec3(0f, 1f, 0f);
                Vec3 axis = Vec3.Cross(a, aside).Normalized;
                return new Quat(axis.X, axis.Y, axis.Z, 0f);
            }
            Vec3 cross = Vec3.Cross(a, b);
            return new Quat(cross.X, cross.Y, cross.Z, 1f + cosine).Normalized;
        }

        /// <summary>The shorter way from a to b at even speed.</summary>
        public static Quat Slerp(Quat a, Quat b, float share)
        {
            float cosine = Dot(a, b);
            float sign = cosine < 0f ? -1f : 1f;
            float shareOfA = 1f - share, shareOfB = share;
            if (cosine * sign < 0.9995f)
            {
                double angle = Math.Acos(cosine * sign), sine = Math.Sin(angle);
                shareOfA = (float)(Math.Sin((1f - share) * angle) / sine);
                shareOfB = (float)(Math.Sin(share * angle) / sine);
            }
            shareOfB *= sign;
            return new Quat(
                shareOfA * a.X + shareOfB * b.X,
                shareOfA * a.Y + shareOfB * b.Y,
                shareOfA * a.Z + shareOfB * b.Z,
                shareOfA * a.W + shareOfB * b.W).Normalized;
        }
    }
}
